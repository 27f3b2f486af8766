"""What a run leaves: summary, run.json, report, JUnit XML, and the tabs and the form of the web interface."""
