package ucwatest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
)

// batch answers several requests in one (BatchingRequests.md): the answers come
// in the order of the requests. The event channel and other batches cannot be
// asked in one.
func (s *Server) batch(w http.ResponseWriter, r *http.Request) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(media, "multipart/") {
		problem(w, r, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "")
		return
	}
	var out bytes.Buffer
	answers := multipart.NewWriter(&out)
	parts := multipart.NewReader(io.LimitReader(r.Body, maxInput), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			problem(w, r, http.StatusBadRequest, "BadRequest", "DeserializationFailure")
			return
		}
		if err := s.one(answers, part, r); err != nil {
			problem(w, r, http.StatusBadRequest, "BadRequest", "DeserializationFailure")
			return
		}
	}
	_ = answers.Close() // to a buffer
	w.Header().Set("Content-Type", fmt.Sprintf(`multipart/batching; boundary="%s"`, answers.Boundary()))
	_, _ = w.Write(out.Bytes()) // a client that has gone is the client's business
}

// one does a request of a batch and writes its answer.
func (s *Server) one(answers *multipart.Writer, part io.Reader, outer *http.Request) error {
	text, err := io.ReadAll(part)
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte("\r\n\r\n")) {
		text = append(bytes.TrimRight(text, "\r\n"), "\r\n\r\n"...)
	}
	inner, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		return err
	}
	if inner.ContentLength <= 0 {
		_, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
		inner.Body = io.NopCloser(bytes.NewReader(body))
	}
	if inner.Header.Get("Authorization") == "" {
		inner.Header.Set("Authorization", outer.Header.Get("Authorization"))
	}
	inner.Host, inner.TLS = outer.Host, outer.TLS
	recorded := httptest.NewRecorder()
	if strings.HasSuffix(inner.URL.Path, "/events") || strings.HasSuffix(inner.URL.Path, "/batch") {
		problem(recorded, inner, http.StatusBadRequest, "BadRequest", "ParameterValidationFailure")
	} else {
		s.mux().ServeHTTP(recorded, normalize(inner))
	}
	w, err := answers.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/http; msgtype=response"}})
	if err != nil {
		return err
	}
	answer := recorded.Result()
	defer answer.Body.Close()
	return answer.Write(w)
}
