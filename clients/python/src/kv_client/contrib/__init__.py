"""Adapters to frameworks. Each module needs its framework, which `pip install kv-client[celery]` and so on bring."""
