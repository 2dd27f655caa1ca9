// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.demo;

/**
 * What the topology's JVM says once a second.
 *
 * @param storm Storm's version
 * @param received deliveries to the bolt, the failed ones included
 * @param distinct different lines that were acked
 * @param duplicates deliveries of lines that had been acked before
 * @param failed deliveries failed on purpose
 * @param seconds from the first delivery to the last
 * @param children processes of the spout that run
 * @param ended the topology is killed; nothing more will come
 */
record TopologyStatus(String storm, long received, long distinct, long duplicates, long failed, double seconds, long children,
        boolean ended) {
    static final TopologyStatus NONE = new TopologyStatus("", 0, 0, 0, 0, 0, 0, false);
}
