"""Who may use the console: accounts, sessions, roles, and what each request has to prove."""
