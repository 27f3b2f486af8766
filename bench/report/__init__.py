"""A run told to people and machines: the page, tables, charts, JUnit XML. Drawing it measures nothing."""
