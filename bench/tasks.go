// The same as tasks.c with goroutines on one processor: a switch by runtime.Gosched, a goroutine started and waited for, one
// number handed through an unbuffered channel. Prints the best of several rounds, as tasks.c does.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

const (
	rounds   = 7
	switches = 200 * 1000
	spawns   = 50 * 1000
	handed   = 100 * 1000
)

func bestOf(count int, round func()) float64 {
	best := -1.0
	for i := 0; i < rounds; i++ {
		begin := time.Now()
		round()
		took := float64(time.Since(begin).Nanoseconds()) / float64(count)
		if best < 0 || took < best {
			best = took
		}
	}
	return best
}

func yieldOften(done *sync.WaitGroup) {
	for i := 0; i < switches/2; i++ {
		runtime.Gosched()
	}
	done.Done()
}

func switchRound() {
	var done sync.WaitGroup
	done.Add(2)
	go yieldOften(&done)
	go yieldOften(&done)
	done.Wait()
}

func spawnRound() {
	var done sync.WaitGroup
	for i := 0; i < spawns; i++ {
		done.Add(1)
		go done.Done()
		done.Wait()
	}
}

func channelRound() {
	numbers := make(chan int)
	go func() {
		for i := 0; i < handed; i++ {
			numbers <- i
		}
	}()
	for i := 0; i < handed; i++ {
		<-numbers
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	fmt.Printf("switch_ns=%.1f spawn_join_ns=%.1f channel_ns=%.1f\n",
		bestOf(switches, switchRound), bestOf(spawns, spawnRound), bestOf(handed, channelRound))
}
