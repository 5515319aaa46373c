/** Start the page of a report, which holds all its sources. */
new Page(readData());
