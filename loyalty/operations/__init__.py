"""Changes of loyalty: one verb each, keyword-only, told `at=` and `by=`."""
