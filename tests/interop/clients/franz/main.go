// BROKER TOPIC CODEC idempotent|plain: produces the records of standard input (tests/interop/records.py).
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

	"github.com/twmb/franz-go/pkg/kgo"
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

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	broker, topic, codec, kind := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	options := []kgo.Opt{kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(20 * time.Millisecond)}
	if kind == "plain" {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	client, err := kgo.NewClient(options...)
	check(err)
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for i, result := range client.ProduceSync(ctx, records...) {
		check(result.Err)
		if result.Record.Offset != int64(i) {
			check(fmt.Errorf("record %d was acknowledged at %d", i, result.Record.Offset))
		}
	}
}
