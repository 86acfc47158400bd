"""Package metadata, read from settings.ini (the file that nbdev reads too)."""
import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
ini = ConfigParser(delimiters=['='])
ini.read(root / 'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']


def absolute_links(text):
    "Links and pictures of README.md, which start at the repository's top, as the package index needs them."
    files = f'{cfg["git_url"]}/blob/{cfg["branch"]}/'
    pictures = f'{cfg["git_url"]}/raw/{cfg["branch"]}/'
    text = re.sub(r'(!\[[^]]*\]\()(?!\w+:|#)', rf'\g<1>{pictures}', text)
    return re.sub(r'((?<!!)\[[^]]*\]\()(?!\w+:|#)', rf'\g<1>{files}', text)


extras = ('nb', 'video', 'train', 'tensorboard', 'look', 'hub', 'onnx', 'docs', 'release')
extras = {name: cfg[f'{name}_requirements'].split() for name in extras}
dev = {need for name, needs in extras.items() if name not in ('docs', 'release') for need in needs}
extras['dev'] = sorted(dev | set(cfg['dev_requirements'].split()))

setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    long_description=absolute_links((root / 'README.md').read_text(encoding='utf-8')),
    long_description_content_type='text/markdown',
    author=cfg['author'],
    author_email=cfg['author_email'],
    url=cfg['git_url'],
    project_urls={
        'Documentation': cfg['doc_host'] + cfg['doc_baseurl'],
        'Source': cfg['git_url'],
        'Changelog': f'{cfg["git_url"]}/blob/{cfg["branch"]}/CHANGELOG.md',
        'Issues': f'{cfg["git_url"]}/issues',
    },
    keywords=cfg['keywords'].split(),
    classifiers=['Development Status :: 4 - Beta',
                 'Intended Audience :: Developers',
                 'Intended Audience :: Education',
                 'Intended Audience :: Science/Research',
                 'Natural Language :: English',
                 'Topic :: Scientific/Engineering :: Artificial Intelligence',
                 'Typing :: Typed']
                + [f'Programming Language :: Python :: 3.{minor}' for minor in (11, 12, 13, 14)],
    packages=find_packages(include=[cfg['lib_path'], cfg['lib_path'] + '.*']),
    package_data={cfg['lib_name']: ['data/*.json', 'py.typed']},
    python_requires='>=' + cfg['min_python'],
    install_requires=cfg['requirements'].split(),
    extras_require=extras,
    entry_points={'console_scripts': cfg['console_scripts'].split()},
    include_package_data=False,          # what package_data names, and nothing by chance
    zip_safe=False,
)
