"""Every line that promotebot gives to be pasted is pasted here."""
