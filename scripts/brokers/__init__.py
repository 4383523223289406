"""Real RabbitMQ brokers for tests: chosen version, free loopback ports, a temporary folder, by process id.

`scripts/rabbitmq --help` says how to use it; this says how it works.

Three generations come from three Debian releases. 3.10 is the system's package where that is what it has; the others are
small Debian trees in a cache folder and run by chroot. Every process of such a broker is started in a mount namespace of its
own, so /proc, /dev and the broker's folder are mounted for that process alone: nothing is ever left mounted, whatever dies,
and a tree can be removed safely.

A broker is a folder. It holds the nodes (one, or several for a cluster), their data and logs, the Erlang cookie, and an epmd
of its own on a port of its own, so brokers of any version run side by side and know nothing of each other. `stop` removes
the folder.

    broker             root=, version=, epmd=, tls=, one value a line
    epmd.pid  home/  tls/
    nodes/NAME/        node (amqp=, management=, distribution=, amqps=), pid, rabbitmq.conf, advanced.config,
                       enabled_plugins, data/, log/rabbit.log, log/output
"""
