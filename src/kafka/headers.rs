//! Record headers as bytes. rdkafka's own reader panics on a header name that is not UTF-8, and producers in other
//! languages do write such names.

use std::ffi::{CStr, c_char, c_void};

use rdkafka::bindings::{rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_resp_err_t};
use rdkafka::message::BorrowedHeaders;

use crate::tuple::{Headers, VisitHeader};

impl Headers for BorrowedHeaders {
    fn each(&self, visit: &mut VisitHeader<'_>) {
        let native = std::ptr::from_ref(self).cast::<rd_kafka_headers_t>();
        for index in 0.. {
            let mut name: *const c_char = std::ptr::null();
            let mut value: *const c_void = std::ptr::null();
            let mut size = 0;
            // SAFETY: rdkafka makes a BorrowedHeaders only by casting the pointer of librdkafka's header list, which
            // lives as long as the message that `self` is borrowed from; the out pointers are valid.
            let error = unsafe { rd_kafka_header_get_all(native, index, &raw mut name, &raw mut value, &raw mut size) };
            if error != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: librdkafka ends the name with a NUL, and name and value live as long as the message.
            let name = unsafe { CStr::from_ptr(name) }.to_bytes();
            // SAFETY: as above; a null value has no bytes, any other has `size`.
            let value = (!value.is_null()).then(|| unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size) });
            visit(name, value);
        }
    }
}
