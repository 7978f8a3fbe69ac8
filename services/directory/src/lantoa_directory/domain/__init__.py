"""What is true of units, sign-ins, people and citizens, whatever the database."""
