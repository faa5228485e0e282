"""Logits of a teacher that were written once, and are read in training.

``form`` makes fields of a row out of logits, ``store`` keeps rows in files,
``marks`` lets each sample say which row is its own, ``order`` numbers the
rows, ``fingerprint`` tells what a cache belongs to, and ``write`` fills one.
:class:`~mmkd_logit.distillers.cached_teacher.CachedTeacher` reads it.
"""
