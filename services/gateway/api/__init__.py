"""The routes of each domain: handlers of a line or two, the models of what comes in and goes out, the table.

`services.gateway.routes` puts the tables together; nobody else imports these modules.
"""
