// Takes messages out of one queue, checks what this client understood of them, and publishes that to another queue.
//
//	relay URI FROM TO COUNT
//
// The test `InteropTests.goClient` sends what is expected here and looks at what comes back.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What this client should make of each type of field, width and sign included. Its reader does not know the types u and i.
var headers = amqp.Table{
	"null": nil, "true": true, "false": false, "int8": int8(-5), "uint8": byte(250), "int16": int16(-3000),
	"int32": int32(-70000), "int64": int64(-9223372036854775808), "float": float32(1.5), "double": -2.25,
	"decimal": amqp.Decimal{Scale: 2, Value: 314}, "string": "grüße", "bytes": []byte{0, 255, 128}, "not-utf8": "\xff\xfe",
	"timestamp": time.Unix(1700000000, 0), "array": []interface{}{int64(1), "two", []interface{}{3.5, amqp.Table{"four": nil}}},
	"table": amqp.Table{"in": amqp.Table{"in": int64(1)}}, "empty": "", "empty-table": amqp.Table{}, "empty-array": []interface{}(nil),
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func equal(what string, got, want interface{}) {
	if !reflect.DeepEqual(got, want) {
		must(fmt.Errorf("%s: got %T %#v, want %T %#v", what, got, got, want, want))
	}
}

func main() {
	count, err := strconv.Atoi(os.Args[4])
	must(err)
	connection, err := amqp.Dial(os.Args[1])
	must(err)
	defer connection.Close()
	channel, err := connection.Channel()
	must(err)
	must(channel.Confirm(false))
	// Not this client's deferred confirms: 1.5 registers one after it has sent the message, and waits for ever if the broker was
	// quicker.
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, count))
	for i := 0; i < count; i++ {
		got, there, err := channel.Get(os.Args[2], true)
		must(err)
		equal("a message", there, true)
		equal("number of headers", len(got.Headers), len(headers))
		for key, want := range headers {
			equal("header "+key, got.Headers[key], want)
		}
		message := amqp.Publishing{
			Headers: got.Headers, ContentType: got.ContentType, ContentEncoding: got.ContentEncoding, DeliveryMode: got.DeliveryMode,
			Priority: got.Priority, CorrelationId: got.CorrelationId, ReplyTo: got.ReplyTo, Expiration: got.Expiration,
			MessageId: got.MessageId, Timestamp: got.Timestamp, Type: got.Type, UserId: got.UserId, AppId: got.AppId,
		}
		equal("properties", message, amqp.Publishing{
			Headers: got.Headers, ContentType: "a/b", ContentEncoding: "gzip", DeliveryMode: 2, Priority: 3, CorrelationId: "c",
			ReplyTo: "r", Expiration: "60000", MessageId: "m", Timestamp: time.Unix(1700000000, 0), Type: "t", UserId: "guest",
			AppId: "app",
		})
		message.Body = got.Body
		must(channel.PublishWithContext(context.Background(), "", os.Args[3], true, false, message))
		equal("confirm", (<-confirms).Ack, true)
	}
}
