// Walks through a httpbin by Go's own client: prints "ok", or what was wrong.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
)

var base string
var client = &http.Client{}

func fail(what string, detail any) {
	fmt.Println(what, detail)
	os.Exit(1)
}

func do(method, path, contentType string, body io.Reader, status int) ([]byte, *http.Response) {
	request, err := http.NewRequest(method, base+path, body)
	if err != nil {
		fail(path, err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return send(request, status)
}

func send(request *http.Request, status int) ([]byte, *http.Response) {
	response, err := client.Do(request)
	if err != nil {
		fail(request.URL.Path, err)
	}
	content, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != status {
		fail(request.URL.Path, fmt.Sprint(response.Status, err))
	}
	return content, response
}

func object(content []byte) map[string]any {
	var value map[string]any
	if err := json.Unmarshal(content, &value); err != nil {
		fail(string(content), err)
	}
	return value
}

func main() {
	base = os.Args[1]
	jar, _ := cookiejar.New(nil)
	client.Jar = jar
	for i := 0; i < 3; i++ {
		content, _ := do("GET", "/get?a=b", "", nil, 200)
		if object(content)["args"].(map[string]any)["a"] != "b" {
			fail("/get", string(content))
		}
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		content, _ := do(method, "/"+strings.ToLower(method), "application/x-www-form-urlencoded", strings.NewReader("k=v"), 200)
		if object(content)["form"].(map[string]any)["k"] != "v" {
			fail(method, string(content))
		}
	}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	file, _ := parts.CreateFormFile("file", "a.txt")
	io.WriteString(file, "contents")
	parts.Close()
	content, _ := do("POST", "/post", parts.FormDataContentType(), &form, 200)
	if object(content)["files"].(map[string]any)["file"] != "contents" {
		fail("/post", string(content))
	}
	for _, status := range []int{200, 204, 404, 418, 500} {
		do("GET", fmt.Sprintf("/status/%d", status), "", nil, status)
	}
	do("GET", "/redirect/5", "", nil, 200)
	do("GET", "/absolute-redirect/3", "", nil, 200)
	content, _ = do("GET", "/cookies/set?"+url.Values{"x": {"y"}}.Encode(), "", nil, 200)
	if object(content)["cookies"].(map[string]any)["x"] != "y" {
		fail("/cookies/set", string(content))
	}
	request, _ := http.NewRequest("GET", base+"/basic-auth/u/p", nil)
	request.SetBasicAuth("u", "p")
	send(request, 200)
	content, response := do("GET", "/gzip", "", nil, 200)
	if object(content)["gzipped"] != true || !response.Uncompressed {
		fail("/gzip", string(content))
	}
	content, _ = do("GET", "/stream-bytes/5000?chunk_size=100", "", nil, 200)
	if len(content) != 5000 {
		fail("/stream-bytes", len(content))
	}
	request, _ = http.NewRequest("GET", base+"/range/26", nil)
	request.Header.Set("Range", "bytes=3-5")
	content, _ = send(request, 206)
	if string(content) != "def" {
		fail("/range", string(content))
	}
	request, _ = http.NewRequest("PUT", base+"/sink", io.LimitReader(zeros{}, 50<<20))
	request.Header.Set("Expect", "100-continue")
	content, _ = send(request, 200)
	if object(content)["length"] != float64(50<<20) {
		fail("/sink", string(content))
	}
	fmt.Println("ok")
}

type zeros struct{}

func (zeros) Read(out []byte) (int, error) {
	for i := range out {
		out[i] = 0
	}
	return len(out), nil
}
