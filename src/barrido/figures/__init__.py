"""What there is to see of a sweep, as data for charts and pages: JSON out, nothing is drawn here."""
