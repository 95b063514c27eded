"""Who was studied: the flow of studies, and their characteristics by split and by finding."""
