"""The embedded GitHub: the part of GitHub the bot uses, on loopback, over real git repositories.

http, git_http           the server: requests in, answers out, faults on the way; clone, fetch and push
api/                     the REST endpoints, who may use them, and what they take
serializers/             the JSON of every answer and event, from templates
lateness, budget         what GitHub is unkind with: reads that are late, requests that are counted; each has a switch
scenario, events         what people do in a test, and the payloads of what happened
people                   somebody with a clone, and a runner that starts the bot
issues, pulls, merging,  the rules: functions over the state
merge_queue, protection,
deployments, push_rules
state, records           the state: plain data
bare, accounts           git repositories; users, roles and tokens
"""
