"""What `docs/build.py` and `docs/conf.py` are made of"""
