"""Packages ``mmkd_logit`` with its configs and tools under ``.mim``.

The toolboxes and torch are extras: both stacks install the same import
packages, so a fixed requirement would drag one in over the other.
"""

import os
import runpy
import shutil
import zlib
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# What MMEngine and MIM look for under `mmkd_logit/.mim`.
MIM_FILES = ['configs', 'tools', 'model-index.yml']


def make_extras() -> dict:
    """``onedl`` and ``openmmlab`` in full, and one extra per toolbox."""
    stacks = runpy.run_path(str(ROOT / 'mmkd_logit' / 'doctor' / 'stacks.py'))
    toolboxes = {'cls': 'mmpretrain', 'det': 'mmdet', 'seg': 'mmseg'}
    extras = {
        'dev': [
            'codespell==2.4.3',
            'hypothesis',
            'latex2mathml==3.81.1',
            'mkdocs==1.6.1',
            'mkdocstrings-python==2.0.9',
            'pre-commit',
            'pytest>=8',
            'pytest-xdist',
            'ruff==0.17.5',
            'scikit-learn',
            'tensorboard>=2.14',
        ],
        'demo': ['matplotlib', 'scikit-learn'],
    }
    for name, pins in stacks['STACKS'].items():
        needs = stacks['NEEDS'][name]
        base = stacks['TORCH_RANGE'][name] + [pins['mmengine'], pins['mmcv']]
        base += needs.get('mmengine', [])
        extras[name] = list(base)
        for short, toolbox in toolboxes.items():
            own = [pins[toolbox]] + needs.get(toolbox, [])
            extras[f'{name}-{short}'] = base + own
            extras[name] += own
    return extras


def make_kernel() -> Extension:
    """The losses on a CPU in C; without a C compiler they do without."""
    source = Path('mmkd_logit/ops/cpu.c')
    checksum = zlib.crc32((ROOT / source).read_bytes())
    return Extension(
        'mmkd_logit.ops._cpu_kernel',
        [source.as_posix()],
        define_macros=[('CHECKSUM', str(checksum))],
        extra_compile_args=[
            '-O3',
            '-fopenmp-simd',
            '-fno-math-errno',
            '-fno-trapping-math',
        ],
        optional=True,
    )


class BuildWithConfigs(build_py):
    """Copies configs and tools into a wheel, links them when editable."""

    def run(self) -> None:
        super().run()
        if getattr(self, 'editable_mode', False):
            self.place(ROOT / 'mmkd_logit' / '.mim', link=True)
        else:
            self.place(Path(self.build_lib) / 'mmkd_logit' / '.mim')

    @staticmethod
    def place(folder: Path, link: bool = False) -> None:
        """Fill ``folder`` anew with :data:`MIM_FILES`."""
        if folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        for name in MIM_FILES:
            source, target = ROOT / name, folder / name
            if link:
                target.symlink_to(os.path.relpath(source, folder))
            elif source.is_dir():
                shutil.copytree(
                    source,
                    target,
                    ignore=shutil.ignore_patterns('__pycache__'),
                )
            else:
                shutil.copyfile(source, target)


if __name__ == '__main__':
    version = runpy.run_path(str(ROOT / 'mmkd_logit' / '__init__.py'))
    setup(
        name='mmkd_logit',
        version=version['__version__'],
        description='Logit distillation for MMPretrain, MMDetection and '
        'MMSegmentation',
        long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
        long_description_content_type='text/markdown',
        license='Apache-2.0',
        classifiers=[
            'Intended Audience :: Science/Research',
            'Programming Language :: Python :: 3.10',
            'Programming Language :: Python :: 3.11',
            'Programming Language :: Python :: 3.12',
            'Topic :: Scientific/Engineering :: Artificial Intelligence',
        ],
        python_requires='>=3.10',
        packages=find_packages(include=['mmkd_logit', 'mmkd_logit.*']),
        include_package_data=False,
        package_data={'mmkd_logit.report': ['page.html']},
        ext_modules=[make_kernel()],
        install_requires=[],
        extras_require=make_extras(),
        cmdclass=dict(build_py=BuildWithConfigs),
        zip_safe=False,
    )
