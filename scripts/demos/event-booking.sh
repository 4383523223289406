# event-booking: tickets that are never oversold, a mail for each booking, and one for everyone who booked when an event changes.

api_port=3000 worker_port=9000 visitor=vera
export ADMIN_EMAIL=admin@example.org ADMIN_PASSWORD='the queues are mine'
password='a long password'
customers='ada ben slow refused'
header() { bearer "$@"; }

visit() {
  begin
  sample_data
  book
  refuse
  announce
  correct
  mail_server_down
  kill_while_sending
  cancel
  outside
}

# log_in NAME [EMAIL PASSWORD]: keeps the token in token_NAME. join NAME [ROLE]: registers before.
log_in() {
  as '' POST /api/auth/login "{\"email\":\"${2:-$1@example.org}\",\"password\":\"${3:-$password}\"}"
  printf -v "token_$1" '%s' "$(member token)"
  is "$status" 200
}
join() {
  as '' POST /api/auth/register "{\"name\":\"$1\",\"email\":\"$1@example.org\",\"password\":\"$password\",\"role\":\"${2:-customer}\"}"
  is "$status" 201 && log_in "$1"
}
# new_event TITLE PLACE TICKETS: by olga; keeps its id in $event.
new_event() {
  as olga POST /api/events "{\"title\":\"$1\",\"date\":\"2035-06-01T19:00:00Z\",\"location\":\"$2\",\"totalTickets\":$3}"
  event=$(member eventId)
  is "$status" 201
}
sold() { answers '' "/api/events/$1" "\"ticketsSold\":$2"; }

begin() {
  step "A mail server, API and worker; the two are processes of their own on $broker"
  set_up_mail
  start_system
}

sample_data() {
  step "Sample data: an organizer, three events, four customers who booked"
  say "(Passwords are hashed slowly on purpose, and more slowly in a debug build.)"
  check "olga is an organizer" join olga organizer
  check "Chamber music, 40 tickets" new_event 'Chamber music' 'Small hall' 40
  check "Poetry reading, 3 tickets" new_event 'Poetry reading' 'Library' 3
  poetry=$event
  check "Swift Night, 200 tickets" new_event 'Swift Night' 'Hall 1' 200
  local name
  for name in $customers; do
    join "$name"
    as "$name" POST /api/bookings "{\"eventId\":\"$event\",\"tickets\":2}"
    [ "$status" = 201 ] || check "$name books: $answer" false
  done
  check "they have booked 8 tickets of Swift Night" sold "$event" 8
  say "The mail server takes a second for each mail to slow@example.org, and knows no refused@example.org."
}

book() {
  step "A visitor registers, looks around and books: the API answers at once, the worker sends the mail"
  ask POST /api/auth/register '{"name":"Vera","email":"vera@example.org","password":"a long password"}' ''
  check "201 Created" is "$status" 201
  ask POST /api/auth/login '{"email":"vera@example.org","password":"a long password"}' ''
  token_vera=$(member token)
  check "a token" test -n "$token_vera"
  ask GET /api/events '' ''
  check "three events" is "$(times '"eventId"')" 3
  ask POST /api/bookings "{\"eventId\":\"$event\",\"tickets\":2}"
  check "201 Created, and the mail is queued" says '"email":"queued"'
  booking=$(member bookingId)
  check "the confirmation is mailed" within 10 mailed 1 vera@example.org 'Your booking of Swift Night'
  show_mails vera@example.org ''
  ask GET /api/bookings/mine
}

refuse() {
  step "What cannot be is refused, clearly, and leaves nothing"
  ask POST /api/bookings "{\"eventId\":\"$poetry\",\"tickets\":4}"
  check "409: three are left, nothing is oversold" is "$status" 409
  ask POST /api/bookings "{\"eventId\":\"$poetry\",\"tickets\":-1}"
  check "400 for a negative number" is "$status" 400
  ask PUT "/api/events/$event" '{"title":"Mine now"}'
  check "403: a customer changes no event" is "$status" 403
  ask POST /api/bookings "{\"eventId\":\"$poetry\",\"tickets\":1}" ''
  check "401 without a token" is "$status" 401
  check "no ticket was sold" sold "$poetry" 0
}

announce() {
  step "The organizer moves the event: one job becomes a mail for each of the five who booked"
  worker_mark=$(next_line "$worker_log")
  ask PUT "/api/events/$event" '{"location":"Hall 2"}' olga
  check "200 OK" is "$status" 200
  check "the worker made one job for each" within 10 logged "$worker_log" "$worker_mark" 'customers=5'
  lines "$worker_log" "$worker_mark" 'fanned out'
  check "four have their mail" within 20 mailed 4 '' 'Swift Night has changed'
  show_mails '' 'Swift Night has changed'
  check "an address is refused, and that is a dead letter" within 20 has_letter --name sendIndividualEmail
  command_line dead ls
}

correct() {
  step "An address that is wrong: the dead letter has the mail server's answer, and is corrected"
  local id
  id=$(letter --name bookingConfirmation)
  command_line dead show "$id"
  answer=$("$warren" dead show "$id" --json 2>&1)
  check "it has the mail server's answer" says "no such user here"
  show "echo '{\"bookingId\":…,\"customerEmail\":\"rita@example.org\",\"eventTitle\":\"Swift Night\"}' | warren dead edit $id --body -"
  echo '{"bookingId":"sample","customerEmail":"rita@example.org","eventTitle":"Swift Night"}' | "$warren" dead edit "$id" --body - --yes 2>&1 | indent
  check "the corrected mail goes out" within 10 mailed 1 rita@example.org 'Your booking of Swift Night'
  "$warren" dead delete --all --yes >/dev/null
  check "no dead letter is left" no_letter
}

mail_server_down() {
  step "The mail server is down: bookings go on, their mails wait"
  stop_mail
  say "(the mail server is stopped)"
  local began
  began=$(milliseconds)
  request POST /api/bookings "{\"eventId\":\"$poetry\",\"tickets\":1}"
  say "answered after $(($(milliseconds) - began)) ms"
  check "201 Created: the customer notices nothing" is "$status" 201
  check "the worker could not send it" within 10 waits_for_mail_server
  start_mail
  say "(the mail server is started)"
  check "its mail goes out by itself" within 30 mailed 1 vera@example.org 'Your booking of Poetry reading'
  check "no dead letter" no_letter
}
waits_for_mail_server() {
  curl --noproxy '*' -s "$worker_url/metrics" | grep -q '^warren_handled_total{.*outcome="postpone"'
}

kill_while_sending() {
  step "SIGKILL while mails are sent: the next worker sends what is left"
  ask PUT "/api/events/$event" '{"title":"Swift Night, with an encore"}' olga
  check "the first mails are out" within 10 some_told
  kill_worker
  show "$system worker --data $data --metrics-port $metrics_port &"
  start_worker
  check "each of the four has the mail" within 30 mailed 4 '' 'with an encore has changed'
  say "$(mail_to '' 'with an encore has changed' | wc -l | tr -d ' ') mails; a repeat would have the Message-ID of the first"
  "$warren" dead delete --all --yes >/dev/null
}
some_told() { [ -n "$(mail_to '' 'with an encore has changed')" ]; }

cancel() {
  step "Cancelling: the tickets are for sale again"
  as '' GET "/api/events/$event"
  local before
  before=$(member ticketsSold)
  ask DELETE "/api/bookings/$booking"
  check "200 OK" is "$status" 200
  check "two tickets are for sale again" sold "$event" $((before - 2))
}

outside() {
  step "How it looks from outside"
  check "the administrator logs in" log_in admin "$ADMIN_EMAIL" "$ADMIN_PASSWORD"
  as olga GET /admin/queues
  check "/admin/queues is not for organizers: 403" is "$status" 403
  as vera GET /admin/queues
  check "nor for customers: 403" is "$status" 403
  as admin GET /admin/queues
  check "but for the administrator" is "$status" 200
  command_line queue ls
  quietly "$url/metrics"
  show "curl $url/metrics"
  grep -E '^warren_published_total' <<<"$answer" | indent
  check "the API counts what it published" says 'name="bookingConfirmation",result="stored"} 6'
}

addresses() {
  cat <<TEXT
   events         $url/api/events
   queues         $url/admin/queues    by $ADMIN_EMAIL, '$ADMIN_PASSWORD'
   accounts       olga@example.org (organizer), vera@example.org and ada@example.org (customers), '$password'
   to log in      token=\$(curl -s $url/api/auth/login -d '{"email":"vera@example.org","password":"$password"}' | sed 's/.*"token":"//; s/".*//')
   to book        curl -X POST $url/api/bookings -H "authorization: Bearer \$token" -d '{"eventId":"$event","tickets":1}'
TEXT
}
