"""Civil and lunar recurrence, report periods, Vietnamese text keys and collation: pure functions."""
