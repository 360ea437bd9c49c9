"""What an experienced eye sees in a training, said in words with what to try: a rule is a function of its curves."""
