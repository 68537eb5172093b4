"""What is trained where a student has something beside it that is left out in the end. Loads TensorFlow."""

from typing import Any

from compress import keras


class Together(keras.Model):
    """The student, and what is ``beside`` it, whose weights are made by its ``build_for(student)``."""

    def __init__(self, student: Any, beside: Any) -> None:
        super().__init__(name="student_and_more")
        self.student, self.beside = student, beside
        self.input_spec = student.input_spec
        self.built = True
        beside.build_for(student)

    def call(self, images: Any, training: Any = None) -> Any:
        return self.student(images, training=training)
