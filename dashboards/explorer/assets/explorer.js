"use strict";
// Where the cell stands below the table, a tap on a row would seem to do nothing: go there.
document.addEventListener("click", (event) => {
  const row = event.target.closest(".rows tbody a");
  const cell = document.getElementById("cell");
  if (row && cell && matchMedia("(max-width: 1060px)").matches) {
    setTimeout(() => cell.scrollIntoView({ behavior: "smooth" }), 150);
  }
});
