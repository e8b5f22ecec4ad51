"""The score explorer: browse tables, runs and score statistics of the tracking store, on this machine.

It is a Dash application, for three reasons. Its graphs are the same Plotly figures as in ``report.html``. Its callbacks
are stateless functions of the page's address and inputs, so that a link restores a page and tests need no browser. It
serves everything from the installed package: nothing is fetched from another host and no usage is reported, which
Streamlit does by default. Panel would need Bokeh as a second plotting library. The page only reads the store.
"""
