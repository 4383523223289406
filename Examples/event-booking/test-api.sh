#!/usr/bin/env bash
# Clears the data, starts API and worker as two processes, and goes through all that event-booking does, with a line for each step.
# The first step that does not do what it should ends it with status 1 and what was answered.
#
#   Examples/event-booking/test-api.sh
#   PORT=3000 DATA=data/event-booking-test BROKER=amqp://guest:guest@localhost Examples/event-booking/test-api.sh
#
# DATA is deleted at the start; the mails are files in DATA/mail.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=${SCRATCH:-$PWD/.build}
port=${PORT:-3000}
data=${DATA:-data/event-booking-test}
metrics=${METRICS_PORT:-9000}
export ADMIN_EMAIL=admin@example.org ADMIN_PASSWORD='the queues are mine'
unset SMTP_URL
password='a long password'
steps=0

fail() {
  printf '  FAILED  %s\n          %s %s\n' "$1" "${status:-}" "${answer:-}" >&2
  exit 1
}
ok() {
  steps=$((steps + 1))
  printf '  ok      %s\n' "$1"
}
# ask METHOD PATH [BODY [TOKEN]]: sets $status and $answer.
ask() {
  local arguments=(--silent --show-error --max-time 20 --request "$1" --write-out '\n%{http_code}')
  [ -z "${3:-}" ] || arguments+=(--header 'content-type: application/json' --data "$3")
  [ -z "${4:-}" ] || arguments+=(--header "authorization: Bearer $4")
  answer=$(curl "${arguments[@]}" "http://127.0.0.1:$port$2") || answer=$'\n000'
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
}
# expect STATUS WHAT: the last answer had this status.
expect() { if [ "$status" = "$1" ]; then ok "$2"; else fail "$2: $1 was expected"; fi; }
# field NAME: a field of the last answer.
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$answer" "$1"; }
# within SECONDS COMMAND…
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}
# mails TO SUBJECT NUMBER: whether there are so many.
mails() {
  local files
  files=$(grep -lis "^To:.*$1" "$data"/mail/*.eml 2>/dev/null) || files=''
  [ "$(for file in $files; do grep -is "^Subject:.*$2" "$file"; done | wc -l)" -eq "$3" ]
}

pids=()
finish() {
  local pid
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
}
trap finish EXIT

if curl --silent --max-time 2 "http://127.0.0.1:$port/health" >/dev/null; then
  echo "Port $port is taken: end what listens there, or choose another with PORT=…" >&2
  exit 1
fi
scripts/build Examples --product event-booking
program=$(swift build --package-path Examples --scratch-path "$scratch" --show-bin-path)/event-booking
rm -rf "$data"
mkdir -p "$data"
options=(--data "$data")
[ -z "${BROKER:-}" ] || options+=(--broker "$BROKER")
"$program" api "${options[@]}" --port "$port" >"$data/api.log" 2>&1 &
pids+=($!)
"$program" worker "${options[@]}" --metrics-port "$metrics" >"$data/worker.log" 2>&1 &
pids+=($!)
ready() { curl --silent --fail --max-time 2 "http://127.0.0.1:$1/ready" >/dev/null; }
within 60 ready "$port" || { cat "$data/api.log"; fail "the API is ready"; }
within 60 ready "$metrics" || { cat "$data/worker.log"; fail "the worker is ready"; }
ok "API and worker run, with clean data in $data"

# register NAME ROLE, then log in: sets $token.
join() {
  ask POST /api/auth/register "{\"name\":\"$1\",\"email\":\"$1@example.org\",\"password\":\"$password\",\"role\":\"$2\"}"
  expect 201 "register the $2 $1"
  ask POST /api/auth/login "{\"email\":\"$1@example.org\",\"password\":\"$password\"}"
  expect 200 "log in as $1"
  token=$(field token)
}
join olga organizer
olga=$token
join carl customer
carl=$token
ask POST /api/auth/login "{\"email\":\"carl@example.org\",\"password\":\"wrong\"}"
expect 401 "a wrong password is refused"

event='{"title":"Swift Night","description":"Talks","date":"2035-06-01T19:00:00Z","location":"Hall 1","totalTickets":5}'
ask POST /api/events "$event"
expect 401 "no event without a token"
ask POST /api/events "$event" "$carl"
expect 403 "a customer makes no event"
ask POST /api/events '{"title":"","date":"2035-06-01T19:00:00Z","location":"Hall 1","totalTickets":5}' "$olga"
expect 400 "an event without a title is refused"
ask POST /api/events "$event" "$olga"
expect 201 "the organizer makes an event with 5 tickets"
id=$(field eventId)
ask GET /api/events
expect 200 "events are listed"
ask GET "/api/events/$id"
expect 200 "one event is shown"

ask POST /api/bookings "{\"eventId\":\"$id\",\"tickets\":-1}" "$carl"
expect 400 "a negative number of tickets is refused"
ask POST /api/bookings "{\"eventId\":\"$id\",\"tickets\":2}" "$carl"
expect 201 "the customer books 2 tickets"
booking=$(field bookingId)
within 30 mails carl@example.org 'Swift Night' 1 || fail "the confirmation is mailed"
ok "the confirmation is mailed"
ask POST /api/bookings "{\"eventId\":\"$id\",\"tickets\":4}" "$carl"
expect 409 "4 more are not left: nothing is oversold"
ask GET /api/bookings/mine '' "$carl"
expect 200 "one's own bookings are listed"

ask PUT "/api/events/$id" '{"location":"Hall 2"}' "$carl"
expect 403 "a customer changes no event"
ask PUT "/api/events/$id" '{"location":"Hall 2"}' "$olga"
expect 200 "the organizer moves the event to another hall"
within 30 mails carl@example.org 'Swift Night has changed' 1 || fail "everyone who booked is told"
ok "everyone who booked is told, once"

ask DELETE "/api/bookings/$booking" '' "$carl"
[[ $status = 20? ]] || fail "the booking is cancelled"
ok "the booking is cancelled"
ask POST /api/bookings "{\"eventId\":\"$id\",\"tickets\":5}" "$carl"
expect 201 "its tickets are for sale again"

ask GET /admin/queues
expect 401 "/admin/queues: not without a token"
ask GET /admin/queues '' "$olga"
expect 403 "/admin/queues: not for an organizer"
ask POST /api/auth/login "{\"email\":\"$ADMIN_EMAIL\",\"password\":\"$ADMIN_PASSWORD\"}"
expect 200 "log in as the administrator"
ask GET /admin/queues '' "$(field token)"
expect 200 "/admin/queues: for the administrator"

ask DELETE "/api/events/$id" '' "$olga"
[[ $status = 20? ]] || fail "the organizer deletes the event"
ok "the organizer deletes the event"
within 30 mails carl@example.org 'will not take place' 1 || fail "its customers are told that it will not take place"
ok "its customers are told that it will not take place"

for pid in "${pids[@]}"; do
  kill -TERM "$pid"
  wait "$pid" || fail "SIGTERM ends both in good order"
done
pids=()
ok "SIGTERM ends both in good order"
echo "$steps steps passed"
