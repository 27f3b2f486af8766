"""What a piece of work costs, measured on real servers, and forecasts that are held against measurements."""
