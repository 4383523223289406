// pm2 start ecosystem.config.js: API and worker as processes that PM2 starts again when they end. Settings come from the environment.
const data = process.env.DATA || '/var/lib/event-booking';
const common = {
  script: process.env.EVENT_BOOKING || '/usr/local/bin/event-booking',
  interpreter: 'none',
  autorestart: true,
  kill_timeout: 60000, // longer than the 40 s in which what runs is finished
};

module.exports = {
  apps: [
    { ...common, name: 'event-booking-api', args: `api --data ${data} --port 3000` },
    { ...common, name: 'event-booking-worker', args: `worker --data ${data} --metrics-port 9000` },
  ],
};
