# tutorgo: a lesson that is booked, paid and cancelled; everyone concerned is told; what fails is tried again and then parked.

api_port=3004 worker_port=9004 visitor=student-123
unset RABBITMQ_EXCHANGE RABBITMQ_MESSAGE_TTL RABBITMQ_COMPRESS_ABOVE
header() { user_id "$@"; }

visit() {
  step "A mail server, API and worker; the two are processes of their own on $broker"
  set_up_mail
  start_system
  lesson
  pay
  fail_and_correct
}

# The day of the lessons: next week.
day=$(python3 -c 'import datetime; print(datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=7))')
# book HOUR [USER]: a lesson; keeps its id in $booking.
book() {
  ask POST /bookings "{\"tutorId\":\"tutor-123\",\"subject\":\"Math\",\"startTime\":\"${day}T$1:00:00Z\",\"endTime\":\"${day}T$1:45:00Z\"}" "${2-student-123}"
  booking=$(member bookingId)
}
told() { answers "$1" "/users/$1/notifications" "\"subject\":\"$2\""; }
paid_back() { answers student-123 "/payments/$payment" '"status":"refunded"'; }

lesson() {
  step "A lesson is booked: the API answers at once, tutor and student are told by the worker"
  as student-123 PUT /users/student-123 '{"name":"Sam","email":"sam@example.org"}'
  book 10
  check "201 Created" is "$status" 201
  check "the tutor: New Booking Request" within 10 told tutor-123 'New Booking Request'
  check "the student: Booking Created" within 10 told student-123 'Booking Created'
  check "the student has a mail, too" within 10 mailed 1 sam@example.org ''
  show_mails sam@example.org ''
  local first=$booking
  book 10 student-456
  check "409: the time is taken" is "$status" 409
  booking=$first
}

pay() {
  step "It is paid and then cancelled: the payment service refunds it, once"
  ask POST /payments "{\"bookingId\":\"$booking\"}"
  check "201 Created" is "$status" 201
  payment=$(member paymentId)
  check "the tutor: Payment Received" within 10 told tutor-123 'Payment Received'
  check "the student: Payment Confirmed" within 10 told student-123 'Payment Confirmed'
  ask DELETE "/bookings/$booking?reason=ill"
  check "200 OK" is "$status" 200
  check "the student: Booking Cancelled" within 10 told student-123 'Booking Cancelled'
  check "the payment is refunded" within 10 paid_back
  ask GET "/payments/$payment"
}

fail_and_correct() {
  step "A mail that fails: again after 2, 4 and 8 s, then a dead letter; corrected and replayed"
  say "The mail server answers mails to later@example.org with 451, each time."
  as unlucky PUT /users/unlucky '{"name":"Una","email":"later@example.org"}'
  worker_mark=$(next_line "$worker_log")
  book 12 unlucky
  check "the event is in notification.booking.dead" within 40 has_letter --queue notification.booking.dead
  lines "$worker_log" "$worker_mark" 'failed|dead-lettered'
  command_line dead ls
  as unlucky PUT /users/unlucky '{"name":"Una","email":"una@example.org"}'
  command_line dead replay --all --yes
  check "the mail goes to the corrected address" within 10 mailed 1 una@example.org ''
  check "no dead letter is left" no_letter
}

addresses() {
  cat <<TEXT
   tutors         curl $url/tutors -H 'x-user-id: student-123'
   to book        curl -X POST $url/bookings -H 'x-user-id: student-123' -d '{"tutorId":"tutor-123","subject":"Math","startTime":"${day}T14:00:00Z","endTime":"${day}T15:00:00Z"}'
   notifications  curl $url/users/tutor-123/notifications -H 'x-user-id: tutor-123'
TEXT
}
