"""Logits of a teacher that were written once, and are read in training.

``form`` makes fields of a row out of logits, ``store`` keeps rows in the files
of ``files``, ``marks`` adds to each sample what leads to its row, ``order``
numbers the rows, ``fingerprint`` and ``run_facts`` describe what a cache
belongs to, ``run`` gives the teacher's logits of a run's batches, and
``write`` writes them.
:class:`~mmkd_logit.distillers.cached_teacher.CachedTeacher` reads a cache.
"""
