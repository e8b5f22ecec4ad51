"use strict";
const NARROW = "(max-width: 1060px)";
const LISTS = new Set(["compare", "seed", "status", "run"]);
const IMAGE = { png: "png", svg: "svg" };

// A soft link changes the address and leaves everything else in its place: scroll position and focus.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.soft");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const place = placeOf(link);
  history.pushState({}, "", target(link));
  dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  keepFocus(place, performance.now() + 10000);
  // Where the cells stand below the table, a tap on a row would seem to do nothing: go there.
  if (link.closest(".rows tbody th") && matchMedia(NARROW).matches) {
    setTimeout(() => document.getElementById("cell").scrollIntoView({ behavior: "smooth" }), 150);
  }
});

// Links are drawn for an address. If another click has changed it since, what this link changes is changed there.
function target(link) {
  const drawn = link.closest("[data-shown]")?.dataset;
  if (!drawn || drawn.search === location.search) return link.getAttribute("href");
  const [before, after, now] = [drawn.shown, link.getAttribute("href"), location.search].map(
    (address) => new URLSearchParams(address.slice(address.indexOf("?") + 1)),
  );
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const gone = before.getAll(name).filter((value) => !after.getAll(name).includes(value));
    const come = after.getAll(name).filter((value) => !before.getAll(name).includes(value));
    if (!gone.length && !come.length) continue;
    const others = now.getAll(name).filter((value) => LISTS.has(name) && ![...gone, ...come].includes(value));
    now.delete(name);
    for (const value of [...others, ...come]) now.append(name, value);
  }
  return `/?${now}`;
}

// A link in a list is another element after the list is drawn anew: the same words in the same part are the same link.
function placeOf(link) {
  const part = link.closest("[id]");
  const words = link.getAttribute("aria-label") || link.textContent;
  return { part: part.id, words };
}

function keepFocus({ part, words }, deadline) {
  if (document.activeElement === document.body || document.activeElement === null) {
    const links = [...document.querySelectorAll(`#${CSS.escape(part)} a.soft`)];
    const link = links.find((each) => (each.getAttribute("aria-label") || each.textContent) === words);
    link?.focus({ preventScroll: true });
  }
  if (performance.now() < deadline) requestAnimationFrame(() => keepFocus({ part, words }, deadline));
}

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("#copy-link");
  if (copy) {
    await navigator.clipboard.writeText(location.href);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy link"; }, 2000);
  }
  const button = event.target.closest("[data-export]");
  if (!button) return;
  const { chart, export: kind } = button.dataset;
  if (kind in IMAGE) {
    for (const figure of document.querySelectorAll(`#${chart} .js-plotly-plot, #${chart}.panels .js-plotly-plot`)) {
      await save(figure, chart, kind);
    }
  } else {
    download(`/charts/${chart}.${kind}${location.search}`, "");
  }
});

// A picture is read without its page: it has a legend, and paper behind it.
async function save(figure, chart, kind) {
  const below = { orientation: "h", x: 0, xanchor: "left", y: 0, yref: "container", yanchor: "bottom" };
  const { height, width } = figure.getBoundingClientRect();
  const rows = Math.ceil(figure.data.filter((trace) => trace.name && trace.showlegend !== false).length / 3);
  const room = chart === "gradients" ? 0 : 24 * rows;
  const margin = { ...figure.layout.margin, b: (figure.layout.margin?.b ?? 56) + room };
  const layout = { ...figure.layout, paper_bgcolor: "#ffffff", showlegend: room > 0, legend: below, margin, height: height + room, width };
  const format = { format: IMAGE[kind], width, height: height + room, scale: kind === "png" ? 3 : 1 };
  const study = new URLSearchParams(location.search).get("experiment") ?? "ftlab";
  download(await Plotly.toImage({ data: figure.data, layout }, format), `${study}-${chart}.${kind}`);
}

function download(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

let plotlyIsThere;
const plotlyOfThePage = new Promise((resolve) => { plotlyIsThere = resolve; });

// Dash asks Plotly to fit each figure once more right after its first drawing: one that fits is left alone.
Object.defineProperty(window, "Plotly", {
  configurable: true,
  set: (plotly) => {
    plotlyIsThere(plotly);
    Object.defineProperty(window, "Plotly", { configurable: true, writable: true, value: plotly });
    const { resize } = plotly.Plots;
    const fits = (figure) => Math.abs(figure.clientWidth - (figure._fullLayout?.width ?? 0)) < 1;
    plotly.Plots.resize = (figure) => (fits(figure) ? Promise.resolve() : resize(figure));
  },
});

// Dash's slider has no words for its parts.
new MutationObserver(() => {
  for (const part of document.querySelectorAll("#slider :is([role=slider], input):not([aria-label])")) {
    part.setAttribute("aria-label", "epoch");
  }
}).observe(document.body, { subtree: true, childList: true });

// Parts of the page that come as text, see sections/page_text.py. What stays as it is keeps its focus and its place.
window.dash_clientside = {
  ...window.dash_clientside,
  explorer: {
    // A part is drawn again only if the choices that it depends on have changed, or the store has.
    chooseParts: (search, version, overlaid, choices, ...before) => {
      const { no_update: same } = window.dash_clientside;
      if (!version) return before.map(() => same);
      const query = new URLSearchParams(search ?? "");
      const asked = [...query];
      const now = choices.map((names) => JSON.stringify([version, ...asked.filter(([name]) => names.includes(name))]));
      // What is written into a field stays there when the store changes.
      now.push(query.get("find") ?? "");
      now.push(overlaid ? JSON.stringify([version, search, overlaid]) : "");
      return now.map((part, place) => (part === (before[place] ?? "") ? same : part));
    },
    // As many figures as there are cells. Dash would make all of them anew when one comes or goes.
    drawPanels: async ({ place, panels, config }) => {
      const { react, purge } = await plotlyOfThePage;
      const parent = document.getElementById(place);
      for (const frame of [...parent.children].slice(panels.length)) {
        purge(frame.firstChild);
        frame.remove();
      }
      panels.forEach(({ label, figure }, number) => {
        const frame = parent.children[number] ?? parent.appendChild(document.createElement("figure"));
        frame.className = "chart";
        frame.setAttribute("aria-label", label);
        const drawn = frame.firstChild ?? frame.appendChild(document.createElement("div"));
        react(drawn, figure.data, figure.layout, config);
      });
    },
    fill: (found) => {
      if (!found) return;
      for (const [place, text] of Object.entries(found.texts)) {
        const part = document.getElementById(place);
        const fresh = part.cloneNode(false);
        fresh.innerHTML = text;
        renewChildren(part, fresh);
      }
      Object.assign(document.getElementById(found.section).dataset, { search: found.search, shown: found.shown });
    },
  },
};

function renewChildren(part, fresh) {
  const before = [...part.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, place) => {
    const old = before[place];
    if (!old) part.append(node);
    else if (old.nodeName !== node.nodeName) old.replaceWith(node);
    else if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== node.data) old.data = node.data;
    } else {
      renewAttributes(old, node);
      renewChildren(old, node);
    }
  });
  for (const node of before.slice(after.length)) node.remove();
}

function renewAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    // What the reader has unfolded stays so.
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

// Figures follow the width of the page.
let width = innerWidth;
let waiting = 0;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (width === innerWidth) return;
    width = innerWidth;
    for (const figure of document.querySelectorAll(".js-plotly-plot")) Plotly.relayout(figure, { autosize: true });
  }, 150);
});
