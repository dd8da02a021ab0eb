"""What every app needs to run: job runs, registries, audit, approvals, the admin base, charts.

Nothing in here knows a customer, a product, a purchase, a point or a coupon; things of the apps above appear
as a kind and an id.
"""
