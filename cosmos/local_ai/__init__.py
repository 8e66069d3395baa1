"""What runs on this machine: decoding media, computing controls, the preview program.

The only place that imports PyAV, OpenCV and numpy. They take a while to load, so nothing here is imported
before it is needed.
"""
