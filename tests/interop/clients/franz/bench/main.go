// franz-go as a load generator (tests/bench). The first fifth of the time is not counted; prints one JSON object.
//
//	BROKER produce TOPIC SECONDS RECORD_BYTES BATCH_BYTES   as fast as it goes, acks=1
//	BROKER consume TOPIC SECONDS                            from the beginning, again when the end is reached
//	BROKER latency TOPIC SECONDS RECORD_BYTES RATE          a record at a time, until a consumer has it
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func fail(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func number(at int) int {
	value, err := strconv.ParseFloat(os.Args[at], 64)
	check(err)
	return int(value)
}

func connect(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(os.Args[1]))...)
	check(err)
	return client
}

func producer(batchBytes int, linger time.Duration) *kgo.Client {
	return connect(kgo.DefaultProduceTopic(os.Args[3]), kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(),
		kgo.MaxProduceRequestsInflightPerBroker(5), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(int32(batchBytes)), kgo.ProducerLinger(linger), kgo.MaxBufferedRecords(200_000))
}

func consumer() *kgo.Client {
	return connect(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{os.Args[3]: {0: kgo.NewOffset().AtStart()}}))
}

// report: records and bytes of the seconds that count; all with those before.
func report(seconds float64, records, bytes, all int64) {
	if records == 0 {
		fail("no record went through")
	}
	fmt.Printf("{\"seconds\": %.3f, \"records_per_s\": %.0f, \"mb_per_s\": %.1f, \"all_records\": %d}\n", seconds,
		float64(records)/seconds, float64(bytes)/seconds/1e6, all)
}

func produce(length time.Duration, recordBytes, batchBytes int) {
	client := producer(batchBytes, 5*time.Millisecond)
	var acknowledged atomic.Int64
	done := func(_ *kgo.Record, err error) {
		check(err)
		acknowledged.Add(1)
	}
	value := make([]byte, recordBytes)
	ctx := context.Background()
	began := time.Now()
	var since time.Time
	var before int64
	for i := 0; ; i++ {
		client.Produce(ctx, &kgo.Record{Value: value}, done)
		if i%1000 != 0 {
			continue
		}
		if since.IsZero() && time.Since(began) >= length/5 {
			before, since = acknowledged.Load(), time.Now()
		}
		if time.Since(began) >= length {
			break
		}
	}
	records := acknowledged.Load() - before
	report(time.Since(since).Seconds(), records, records*int64(recordBytes), acknowledged.Load())
}

func consume(length time.Duration) {
	client := consumer()
	ctx, cancel := context.WithTimeout(context.Background(), length+30*time.Second)
	defer cancel()
	began := time.Now()
	var since time.Time
	var records, bytes, all, next int64
	for time.Since(began) < length {
		if since.IsZero() && time.Since(began) >= length/5 {
			records, bytes, since = 0, 0, time.Now()
		}
		fetches := client.PollFetches(ctx)
		check(fetches.Err())
		end := int64(-1)
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { end = p.HighWatermark })
		fetches.EachRecord(func(r *kgo.Record) {
			records++
			all++
			bytes += int64(len(r.Value))
			next = r.Offset + 1
		})
		if next == end {
			client.SetOffsets(map[string]map[int32]kgo.EpochOffset{os.Args[3]: {0: {Epoch: -1, Offset: 0}}})
		}
	}
	report(time.Since(since).Seconds(), records, bytes, all)
}

func latency(length time.Duration, recordBytes, rate int) {
	from, in := producer(16384, 0), consumer()
	ctx, cancel := context.WithTimeout(context.Background(), length+5*time.Second)
	defer cancel()
	began := time.Now()
	interval := time.Second / time.Duration(rate)
	sent := int(length / interval)
	go func() {
		for i := range sent {
			due := time.Duration(i) * interval
			time.Sleep(time.Until(began.Add(due)))
			value := make([]byte, max(recordBytes, 8))
			binary.BigEndian.PutUint64(value, uint64(due))
			from.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) { check(err) })
		}
	}()
	var took []time.Duration
	for had := 0; had < sent; {
		fetches := in.PollFetches(ctx)
		check(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			had++
			if due := time.Duration(binary.BigEndian.Uint64(r.Value)); due >= length/5 {
				took = append(took, time.Since(began)-due)
			}
		})
	}
	slices.Sort(took)
	at := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))].Nanoseconds()) / 1e3 }
	fmt.Printf("{\"records\": %d, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n", len(took), at(.5), at(.99), at(.999))
}

func main() {
	seconds, err := strconv.ParseFloat(os.Args[4], 64)
	check(err)
	length := time.Duration(seconds * float64(time.Second))
	switch os.Args[2] {
	case "produce":
		produce(length, number(5), number(6))
	case "consume":
		consume(length)
	case "latency":
		latency(length, number(5), number(6))
	default:
		fail("there is no " + os.Args[2])
	}
}
