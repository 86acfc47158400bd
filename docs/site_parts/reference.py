"""The reference (to come)"""
def write(out):
    (out / 'reference').mkdir(exist_ok=True)
    (out / 'reference/index.md').write_text('# Reference\n')
