"""The parts of a written comparison, a question each: one public function a module makes its `Section`."""
