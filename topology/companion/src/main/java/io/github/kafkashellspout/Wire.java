// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

/** The binary wire between this companion and the program: docs/wire.md. */
final class Wire {
    /** What both sides agree on in the handshake. */
    static final int VERSION = 1;

    /** Length and kind. */
    static final int HEADER_BYTES = 5;

    /** The program sends no longer frame: librdkafka caps a record at 1 GB. */
    static final int MAX_FRAME_BYTES = 1 << 30;

    // To the companion.
    static final byte EMIT = 1;
    static final byte LOG = 2;
    static final byte ERROR = 3;
    static final byte PONG = 4;
    static final byte STATUS = 5;
    static final byte STREAMS = 6;

    // To the program.
    static final byte ACK = 1;
    static final byte FAIL = 2;
    static final byte ACTIVATE = 3;
    static final byte DEACTIVATE = 4;
    static final byte PING = 5;
    static final byte EMITTED = 6;

    // Values.
    static final byte NULL = 0;
    static final byte STRING = 1;
    static final byte LONG = 2;
    static final byte BYTES = 3;
    static final byte LIST = 4;

    /** In a tuple's flags. */
    static final byte HAS_ID = 1;

    private Wire() {
    }
}
