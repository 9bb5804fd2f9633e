// BROKER create|produce|read TOPIC [CODEC idempotent|plain]: franz-go. Records come in and go out as lines
// (tests/interop/records.py).
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func bytesOf(text string) []byte {
	switch text {
	case "-":
		return nil
	case "=":
		return []byte{}
	}
	data, err := base64.StdEncoding.DecodeString(text)
	check(err)
	return data
}

func textOf(data []byte) string {
	if data == nil {
		return "-"
	}
	if len(data) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(data)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func connect(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(os.Args[1]))...)
	check(err)
	return client
}

func create(ctx context.Context, topic string) {
	client := connect()
	defer client.Close()
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic, 1, 1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, wanted)
	response, err := request.RequestWith(ctx, client)
	check(err)
	check(kerr.ErrorForCode(response.Topics[0].ErrorCode))
}

func produce(ctx context.Context, topic, codec, kind string) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	options := []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codecs[codec]),
		kgo.ProducerLinger(20 * time.Millisecond)}
	if kind == "plain" {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	client := connect(options...)
	defer client.Close()
	var records []*kgo.Record
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		ms, err := strconv.ParseInt(f[2], 10, 64)
		check(err)
		record := &kgo.Record{Topic: topic, Key: bytesOf(f[0]), Value: bytesOf(f[1]), Timestamp: time.UnixMilli(ms)}
		for i := 3; i < len(f); i += 2 {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: string(bytesOf(f[i])), Value: bytesOf(f[i+1])})
		}
		records = append(records, record)
	}
	for i, result := range client.ProduceSync(ctx, records...) {
		check(result.Err)
		if result.Record.Offset != int64(i) {
			check(fmt.Errorf("record %d was acknowledged at %d", i, result.Record.Offset))
		}
	}
}

func endOf(ctx context.Context, client *kgo.Client, topic string) int64 {
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Timestamp = -1
	wanted := kmsg.NewListOffsetsRequestTopic()
	wanted.Topic, wanted.Partitions = topic, append(wanted.Partitions, partition)
	request := kmsg.NewPtrListOffsetsRequest()
	request.Topics = append(request.Topics, wanted)
	response, err := request.RequestWith(ctx, client)
	check(err)
	check(kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode))
	return response.Topics[0].Partitions[0].Offset
}

func read(ctx context.Context, topic string) {
	client := connect(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer client.Close()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for next, end := int64(0), endOf(ctx, client, topic); next < end; {
		fetches := client.PollFetches(ctx)
		check(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset != next {
				check(fmt.Errorf("offset %d where %d was due", r.Offset, next))
			}
			next++
			fmt.Fprintf(out, "%s\t%s\t%d", textOf(r.Key), textOf(r.Value), r.Timestamp.UnixMilli())
			for _, h := range r.Headers {
				fmt.Fprintf(out, "\t%s\t%s", textOf([]byte(h.Key)), textOf(h.Value))
			}
			fmt.Fprintln(out)
		})
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	topic := os.Args[3]
	switch os.Args[2] {
	case "create":
		create(ctx, topic)
	case "produce":
		produce(ctx, topic, os.Args[4], os.Args[5])
	default:
		read(ctx, topic)
	}
}
