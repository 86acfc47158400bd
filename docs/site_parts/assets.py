"""Scripts (to come)"""
def bundle(node_modules, out): out.mkdir(exist_ok=True)
