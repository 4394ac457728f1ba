"""How good a vision provider is: labelled photos in, accuracy, calibration, latency and cost out.

A plain library behind ``./inv evaluate``; no service imports it.
"""
