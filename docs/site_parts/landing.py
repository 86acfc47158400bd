"""The landing page (to come)"""
def write(out): pass
