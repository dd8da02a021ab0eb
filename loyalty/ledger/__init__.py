"""The only writer of points.

`posting` takes requests (`loyalty.policies.requests`), loads the members' books under their locks, lets the
requests draft entries, and hands them to `writer`, the one place that stores entries, movements, lots and
accounts. `due` writes down for everyone what time has decided, in sets. `merging` joins two accounts.
"""
