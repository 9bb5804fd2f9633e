// BROKER create|produce|read TOPIC [CODEC idempotent|plain]: sarama. Records come in and go out as lines
// (tests/interop/records.py).
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
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

func encoderOf(text string) sarama.Encoder {
	if data := bytesOf(text); data != nil {
		return sarama.ByteEncoder(data)
	}
	return nil
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

func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Return.Successes = true
	config.Producer.Flush.Frequency = 20 * time.Millisecond
	return config
}

func create(broker, topic string) {
	admin, err := sarama.NewClusterAdmin([]string{broker}, newConfig())
	check(err)
	check(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	check(admin.Close())
}

func produce(broker, topic, codec, kind string) {
	config := newConfig()
	check(config.Producer.Compression.UnmarshalText([]byte(codec)))
	config.Net.MaxOpenRequests = 1
	config.Producer.Idempotent = kind == "idempotent"
	producer, err := sarama.NewSyncProducer([]string{broker}, config)
	check(err)
	var messages []*sarama.ProducerMessage
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		ms, err := strconv.ParseInt(f[2], 10, 64)
		check(err)
		message := &sarama.ProducerMessage{Topic: topic, Key: encoderOf(f[0]), Value: encoderOf(f[1]), Timestamp: time.UnixMilli(ms)}
		for i := 3; i < len(f); i += 2 {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: bytesOf(f[i]), Value: bytesOf(f[i+1])})
		}
		messages = append(messages, message)
	}
	check(producer.SendMessages(messages))
	for i, message := range messages {
		if message.Offset != int64(i) {
			check(fmt.Errorf("record %d was acknowledged at %d", i, message.Offset))
		}
	}
	check(producer.Close())
}

func read(broker, topic string) {
	client, err := sarama.NewClient([]string{broker}, newConfig())
	check(err)
	end, err := client.GetOffset(topic, 0, sarama.OffsetNewest)
	check(err)
	consumer, err := sarama.NewConsumerFromClient(client)
	check(err)
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	check(err)
	out := bufio.NewWriter(os.Stdout)
	for next := int64(0); next < end; next++ {
		m := <-partition.Messages()
		if m.Offset != next {
			check(fmt.Errorf("offset %d where %d was due", m.Offset, next))
		}
		fmt.Fprintf(out, "%s\t%s\t%d", textOf(m.Key), textOf(m.Value), m.Timestamp.UnixMilli())
		for _, h := range m.Headers {
			fmt.Fprintf(out, "\t%s\t%s", textOf(h.Key), textOf(h.Value))
		}
		fmt.Fprintln(out)
	}
	check(out.Flush())
	check(partition.Close())
	check(client.Close())
}

func main() {
	broker, topic := os.Args[1], os.Args[3]
	switch os.Args[2] {
	case "create":
		create(broker, topic)
	case "produce":
		produce(broker, topic, os.Args[4], os.Args[5])
	default:
		read(broker, topic)
	}
}
