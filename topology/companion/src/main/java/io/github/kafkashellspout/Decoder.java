// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Reads numbers and values of one frame out of a buffer. Not checked: the program is trusted, its length was. */
final class Decoder {
    private final byte[] buffer;
    private int at;

    Decoder(byte[] buffer, int at) {
        this.buffer = buffer;
        this.at = at;
    }

    int position() {
        return at;
    }

    byte readByte() {
        return buffer[at++];
    }

    int readShort() {
        int value = (buffer[at] & 0xff) << 8 | (buffer[at + 1] & 0xff);
        at += 2;
        return value;
    }

    int readInt() {
        int value = intAt(buffer, at);
        at += 4;
        return value;
    }

    static int intAt(byte[] buffer, int at) {
        return (buffer[at] & 0xff) << 24 | (buffer[at + 1] & 0xff) << 16 | (buffer[at + 2] & 0xff) << 8 | (buffer[at + 3] & 0xff);
    }

    long readLong() {
        long high = readInt();
        return high << 32 | readInt() & 0xffffffffL;
    }

    String readText(int length) {
        String text = new String(buffer, at, length, StandardCharsets.UTF_8);
        at += length;
        return text;
    }

    /** A string, a {@code Long}, a {@code byte[]}, a list of such, or null. */
    Object readValue() {
        byte kind = readByte();
        switch (kind) {
            case Wire.NULL:
                return null;
            case Wire.STRING:
                return readText(readInt());
            case Wire.LONG:
                return readLong();
            case Wire.BYTES:
                int length = readInt();
                at += length;
                return Arrays.copyOfRange(buffer, at - length, at);
            case Wire.LIST:
                return readValues(readInt());
            default:
                throw new IllegalStateException("a value of unknown kind " + kind + "; the program and this class do not match");
        }
    }

    /** So many values. A list that Kryo knows, as it may travel to another worker. */
    List<Object> readValues(int count) {
        List<Object> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(readValue());
        }
        return values;
    }
}
