import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, MetadataScanner } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { Access } from './access.decorator.js';
import { collectRoutes } from './collect-routes.js';
import { Refusals } from './refusals.decorator.js';
import type { Route } from './route-table.js';

@Controller('api/things')
class Declared {
  @Get()
  @Access('public', { quiet: true })
  list(@Query() query: object): object {
    return query;
  }

  @Post(':id/change')
  @Access('risk-officer', { urgent: true })
  @Refusals('KILL_SWITCH_ON')
  change(@Body() body: object): object {
    return body;
  }

  helper(): string {
    return 'no route';
  }
}

@Controller('api/open')
class Undeclared {
  @Get('door')
  door(): string {
    return 'anybody?';
  }
}

async function routesOf(...controllers: (new () => object)[]): Promise<Route[]> {
  const module = await Test.createTestingModule({ imports: [DiscoveryModule], controllers }).compile();
  return collectRoutes(module.get(DiscoveryService), module.get(MetadataScanner));
}

describe('routes', () => {
  it('are collected from the controllers with what they declare', async () => {
    expect(await routesOf(Declared)).toEqual([
      {
        method: 'GET',
        pattern: '/api/things',
        access: 'public',
        quiet: true,
        urgent: false,
        takesBody: false,
        takesQuery: true,
        refusals: [],
      },
      {
        method: 'POST',
        pattern: '/api/things/:id/change',
        access: 'risk-officer',
        quiet: false,
        urgent: true,
        takesBody: true,
        takesQuery: false,
        refusals: ['KILL_SWITCH_ON'],
      },
    ]);
  });

  it('A1 must say who may call them, or the api does not start', async () => {
    await expect(routesOf(Declared, Undeclared)).rejects.toThrow('routes without @Access: Undeclared.door');
  });
});
