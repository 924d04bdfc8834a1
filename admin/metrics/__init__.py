"""
Metrics for Prometheus.

``names.py`` has all of them; ``sample.py`` their values at one moment, of what a process counts (``store/measures.py``)
and of how the store stands (``store/figures.py``); ``exposition.py`` writes them; ``page.py`` answers ``/metrics``.
"""
