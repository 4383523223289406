# movie-booking: a code by mail, seats that are sold once, and mails that wait for their server.

api_port=3001 worker_port=9001 visitor=ada
header() { bearer "$@"; }

visit() {
  step "A mail server, API and worker; the two are processes of their own on $broker"
  set_up_mail
  start_system
  register
  book
  mail_server_down
}

register() {
  step "A visitor registers: the worker mails a code, which proves the address"
  ask POST /api/auth/register '{"name":"Ada","email":"ada@example.org","password":"a long password"}' ''
  check "201 Created" is "$status" 201
  check "a code of six digits is mailed" within 10 mailed 1 ada@example.org ''
  show_mails ada@example.org ''
  local code
  code=$(mail_to ada@example.org '' | grep -oE '[0-9]{6} ' | tail -n 1 | tr -d ' ')
  ask POST /api/auth/verify-otp "{\"email\":\"ada@example.org\",\"otp\":\"$code\"}" ''
  token_ada=$(member token)
  check "a token for the code" test -n "$token_ada"
  ask POST /api/auth/verify-otp "{\"email\":\"ada@example.org\",\"otp\":\"$code\"}" ''
  check "400: the code works once" is "$status" 400
}

book() {
  step "Seats: the API answers at once, and the worker mails the confirmation"
  ask GET /api/movies '' ''
  seat_show=$(grep -oE '"showId":"[^"]*"' <<<"$answer" | head -n 1 | cut -d '"' -f 4)
  ask POST /api/bookings "{\"showId\":\"$seat_show\",\"seats\":[\"A1\",\"A2\"]}"
  check "201 Created, and the mail is queued" says '"email":"queued"'
  check "the confirmation is mailed" within 10 mailed 2 ada@example.org ''
  show_mails ada@example.org ''
  ask POST /api/bookings "{\"showId\":\"$seat_show\",\"seats\":[\"A2\",\"A3\"]}"
  check "409: a seat is sold once" is "$status" 409
  ask POST /api/bookings "{\"showId\":\"$seat_show\",\"seats\":[\"Z99\"]}"
  check "400: there is no such seat" is "$status" 400
}

mail_server_down() {
  step "The mail server is down: bookings go on, their mails wait"
  stop_mail
  say "(the mail server is stopped)"
  ask POST /api/bookings "{\"showId\":\"$seat_show\",\"seats\":[\"B1\"]}"
  check "201 Created: the customer notices nothing" is "$status" 201
  start_mail
  say "(the mail server is started)"
  check "its mail goes out by itself" within 30 mailed 3 ada@example.org ''
  check "no dead letter" no_letter
  command_line queue ls
}

addresses() {
  cat <<TEXT
   movies         $url/api/movies
   seats          $url/api/shows/$seat_show
   to log in      token=\$(curl -s $url/api/auth/login -d '{"email":"ada@example.org","password":"a long password"}' | sed 's/.*"token":"//; s/".*//')
   to book        curl -X POST $url/api/bookings -H "authorization: Bearer \$token" -d '{"showId":"$seat_show","seats":["C1"]}'
TEXT
}
