"""The demo of the stand-alone project: a believable shop, made and run through the real operations and
jobs.
"""
