"""The score explorer: browse tables, runs and score statistics of the tracking store, on this machine.

It is a Dash application. Dash, because its graphs are the very Plotly figures that ``report.html`` holds (one
computation, one drawing), its callbacks are stateless functions of what the page shows, so that a link restores a page
and tests need no browser, and everything it serves comes from the installed package: nothing is fetched from another
host and no usage is reported, which Streamlit does unless told not to. Panel would bring Bokeh and a second plotting
language. The page reads the store and writes nothing.
"""
