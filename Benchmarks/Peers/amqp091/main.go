// amqp091-go, the AMQP client in Go.
//
//	amqp091 publish|consume|latency PORT QUEUE COUNT WARM WINDOW SIZE
//
// publish: waits for confirms only while WINDOW of them are out. consume: prefetch WINDOW, one
// acknowledgement each. latency: WINDOW messages a second, from just before the publish to the delivery.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sort"
	"strconv"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "amqp091:", err)
		os.Exit(1)
	}
}

func number(index int) int {
	value, err := strconv.Atoi(os.Args[index])
	check(err)
	return value
}

type usage struct {
	wall time.Time
	cpu  float64
}

func now() usage {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return usage{time.Now(), float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9}
}

func report(since usage, count int, more string) {
	end := now()
	secs := end.wall.Sub(since.wall).Seconds()
	fmt.Printf("{\"n\":%d,\"secs\":%f,\"per_s\":%f,\"cpu_s_per_100k\":%f%s}\n",
		count, secs, float64(count)/secs, (end.cpu-since.cpu)*100000/float64(count), more)
}

// publisher counts the confirms that are out. It listens to them, since the deferred confirms of version 1.5 note a message
// after they have sent it: a confirm that comes in between is lost, and waiting for it never ends.
type publisher struct {
	channel  *amqp.Channel
	queue    string
	confirms chan amqp.Confirmation
	window   int
	out      int
}

func newPublisher(channel *amqp.Channel, queue string, window int) *publisher {
	check(channel.Confirm(false))
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, window))
	return &publisher{channel, queue, confirms, window, 0}
}

func (p *publisher) publish(body []byte) {
	for p.out >= p.window {
		p.await()
	}
	check(p.channel.PublishWithContext(context.Background(), "", p.queue, false, false,
		amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}))
	p.out++
}

func (p *publisher) await() {
	if confirm := <-p.confirms; !confirm.Ack {
		check(fmt.Errorf("the broker refused a message"))
	}
	p.out--
}

func (p *publisher) publishAll(count int, body []byte) {
	for sent := 0; sent < count; sent++ {
		p.publish(body)
	}
	for p.out > 0 {
		p.await()
	}
}

func main() {
	if len(os.Args) != 8 {
		fmt.Fprintln(os.Stderr, "amqp091 publish|consume|latency PORT QUEUE COUNT WARM WINDOW SIZE")
		os.Exit(2)
	}
	queue, count, warm, window := os.Args[3], number(4), number(5), number(6)
	body := make([]byte, number(7))
	connection, err := amqp.Dial(fmt.Sprintf("amqp://guest:guest@127.0.0.1:%d/", number(2)))
	check(err)
	channel, err := connection.Channel()
	check(err)
	switch os.Args[1] {
	case "publish":
		p := newPublisher(channel, queue, window)
		p.publishAll(warm, body)
		begin := now()
		p.publishAll(count, body)
		report(begin, count, "")
	case "consume":
		deliveries := consume(channel, queue, window)
		begin := now()
		for seen := 0; seen < count+warm; seen++ {
			if seen == warm {
				begin = now()
			}
			delivery := <-deliveries
			check(delivery.Ack(false))
		}
		check(channel.Qos(window, 0, false)) // answered after the last acknowledgement
		report(begin, count, "")
	case "latency":
		latency(connection, channel, queue, count, warm, window, body)
	}
	check(connection.Close())
}

func consume(channel *amqp.Channel, queue string, prefetch int) <-chan amqp.Delivery {
	check(channel.Qos(prefetch, 0, false))
	deliveries, err := channel.Consume(queue, "", false, false, false, false, nil)
	check(err)
	return deliveries
}

func latency(connection *amqp.Connection, channel *amqp.Channel, queue string, count, warm, rate int, body []byte) {
	p := newPublisher(channel, queue, 1000)
	consuming, err := connection.Channel()
	check(err)
	deliveries := consume(consuming, queue, 256)
	times := make(chan []float64)
	start := time.Now()
	go func() {
		var all []float64
		for len(all) < count+warm {
			delivery := <-deliveries
			sent := time.Duration(binary.LittleEndian.Uint64(delivery.Body))
			all = append(all, (time.Since(start)-sent).Seconds()*1000)
			check(delivery.Ack(false))
		}
		times <- all[warm:]
	}()
	begin := now()
	for sent := 0; sent < count+warm; sent++ {
		time.Sleep(time.Until(begin.wall.Add(time.Duration(sent) * time.Second / time.Duration(rate))))
		binary.LittleEndian.PutUint64(body, uint64(time.Since(start)))
		p.publish(body)
	}
	all := <-times
	sort.Float64s(all)
	report(begin, count, fmt.Sprintf(",\"p50_ms\":%f,\"p99_ms\":%f,\"max_ms\":%f",
		all[len(all)/2], all[len(all)*99/100], all[len(all)-1]))
}
