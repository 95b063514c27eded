"""The built-in phantom: a cohort of head CTs with reports, of which it is known how much each modality can tell."""
