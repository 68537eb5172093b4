"""What a counter learns from a larger one: the study of "distillation of M-SFANet into MCNN", with its control."""
